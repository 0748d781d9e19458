"""Names of folders: some that other programs take for something else, and some that they do not."""

REFUSED = (
    *("quiz[6x6]", "all*", "what?", "q**", "{a,b}", "now!", "$HOME", "a::b", "file:a", "~a"),
    *("quizzes.py", "a\nb", "a\tb", "a\x7fb"),
)
TAKEN = ("quizzes", "quiz (6,6)", "a'b", "a#b", "a@b", "größe", "a&b", "%20", ".q", "a~", "q=1;2")
