"""The networks, how they are trained, and how they serve.

To read the paper's ideas in code, in this order:

1. :mod:`~i2v_lib.models.networks`: VGG model A and VGG + NIN (Table 1)
2. :mod:`~i2v_lib.models.hash_network`: the hash layer (§3.2)
3. :mod:`~i2v_lib.models.loss`: what both are trained with (§3.1)
4. :mod:`~i2v_lib.models.training`, and one step of it in :mod:`~i2v_lib.models.steps`
5. :mod:`~i2v_lib.models.systems`: the rows of Table 2

Then :mod:`~i2v_lib.models.tagger` puts trained networks to use. ``serving/`` shows them pictures, ``tagging/`` stands
on the tagger, and ``released/`` reads the authors' files. What a weights file says of itself is in
:mod:`~i2v_lib.models.architecture`.
"""
