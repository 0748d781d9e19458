"""How fast every part is: each figure beside a named baseline of the same run, and a floor."""
