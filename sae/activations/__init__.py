"""Activations of agents at one site, a row a token, with what is known of every token.

The quizzes they are read on (``quizzes``), harvesting them (``harvest``), shuffled batches of them
for training (``batches``), and the sparse codes that an SAE makes of them (``codes``).
"""
