"""Anyone's models compared, however many tokens there are: codes lie on the disk, in blocks.

Batches come in one after the other (``documents``, ``coders``), and are written in chunks
(``spool``). A block is made of whole cells of the null, so that rows can be permuted within cells
block by block (``rows``). Codes in blocks (``codes``) are compared by the code that compares the
agents of a run. ``compare`` does all of it, ``contexts`` finds the texts that excite each feature,
``tables`` has the result, ``files`` reads and writes codes as safetensors.
"""
