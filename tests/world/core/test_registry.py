"""Registries of variants, and options that hold one of them."""

import json
from dataclasses import dataclass, make_dataclass

import pytest

from world.core.errors import UserError
from world.core.options import from_tree, label, labels, require_different, to_tree
from world.core.registry import Registry, registry_of


class Shape:
    """What options hold one of."""


shapes: Registry[type[Shape]] = Registry("shape", "tests", Shape)
shapes._loaded = True  # there is no folder of them


@shapes.register("dot")
@dataclass(frozen=True)
class Dot(Shape):
    """A shape without options."""


@shapes.register("line")
@dataclass(frozen=True)
class Line(Shape):
    """A shape with options."""

    length: int = 1
    inner: Shape | None = None


@dataclass(frozen=True)
class Drawing:
    """Options that hold shapes."""

    first: Shape = Dot()
    more: tuple[Shape, ...] = (Line(2), Dot())
    none: Shape | None = None


def test_a_type_knows_its_registry():
    assert registry_of(Shape) is registry_of(Line) is shapes
    for other in (int, Drawing, None, "line", tuple[Shape, ...]):
        assert registry_of(other) is None
    assert shapes.name_of(Line) == "line"
    with pytest.raises(UserError, match="is not registered as a shape"):
        shapes.name_of(Shape)


def test_a_variant_that_options_hold_must_be_a_dataclass():
    for blot in (type("Blot", (Shape,), {}), make_dataclass("Blot", ["size"], bases=(Shape,))):
        with pytest.raises(UserError, match="shape 'blot' must be a dataclass of its options, all"):
            shapes.register("blot")(blot)
    assert "blot" not in shapes


@pytest.mark.parametrize(
    "drawing",
    [
        Drawing(),
        Drawing(Line(7), (), Dot()),
        Drawing(Line(3, Line(2)), (Line(1), Line(2)), Line(4)),
    ],
)
def test_variants_survive_being_written_and_read(drawing):
    assert from_tree(Drawing, json.loads(json.dumps(to_tree(drawing)))) == drawing


def test_a_variant_is_written_with_its_name():
    assert to_tree(Drawing(Line(7), (Dot(),))) == {
        "first": {"name": "line", "length": 7, "inner": None},
        "more": ({"name": "dot"},),
        "none": None,
    }


def test_a_variant_may_be_named_alone_and_its_name_left_out():
    assert from_tree(Drawing, {"first": "line", "more": ["dot"]}) == Drawing(Line(), (Dot(),))
    assert from_tree(Drawing, {"first": {}}) == Drawing()
    line = {"name": "line", "inner": "dot"}
    assert from_tree(Drawing, {"first": line}) == Drawing(Line(inner=Dot()))


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"first": "cube"}, "unknown first 'cube'; known: dot, line"),
        ({"more": ["dot", "cube"]}, "unknown more 'cube'; known: dot, line"),
        ({"first": {"length": 2}}, "unknown option first.length; known here: none"),
        ({"more": [{"length": 2}]}, r"option more\[0\].name must be a string, got None"),
        ({"first": {"name": "line", "length": "2"}}, "option first.length must be a whole number"),
        ({"first": {"name": "line", "inner": 3}}, "option first.inner must be a name or an object"),
        ({"none": 3}, "option none must be a name or an object of options, got 3"),
    ],
)
def test_what_a_variant_cannot_be_is_refused_by_name(tree, says):
    with pytest.raises(UserError, match=says):
        from_tree(Drawing, tree)


def test_a_label_says_what_is_not_as_by_default():
    assert [label(one) for one in (Dot(), Line(), Line(-2))] == ["dot", "line", "line-length--2"]
    with pytest.raises(UserError, match="is no variant of any kind"):
        label(Drawing())


def test_labels_have_options_only_where_a_name_is_not_enough():
    assert labels([Line(2), Dot()]) == ("line", "dot")
    assert labels([Line(2), Dot(), Line()]) == ("line-length-2", "dot", "line")


def test_the_same_variant_twice_is_refused_unless_its_options_differ():
    require_different("shapes", (Line(2), Dot(), Line()))
    with pytest.raises(UserError, match="shapes names line-length-2 twice, with the same options"):
        require_different("shapes", (Line(2), Dot(), Line(2)))
