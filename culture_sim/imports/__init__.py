"""What others published, as a run: read without trusting it, checked as a whole, then written.

``sources`` finds the files, ``reading`` opens them, ``agents``, ``culture``, ``dataset`` and
``autoencoder`` know a format each, ``run`` makes the run. Nothing is written before everything that
was given has been read and found in order.
"""
