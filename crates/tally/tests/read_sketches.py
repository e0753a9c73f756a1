"""Reads groups of stored sketches, one group a line, hexadecimal and separated by spaces, and says of each group's union how many
are in it and between which bounds, by the library of Apache DataSketches."""

import sys

from datasketches import hll_sketch, hll_union, tgt_hll_type

for line in sys.stdin:
    lg_k, *sketches = line.split()
    union = hll_union(int(lg_k))
    # Each twice: a set merged into itself stays the same, and the library forgets in which order it was filled, which only one of
    # its two estimators knows of.
    for sketch in sketches * 2:
        union.update(hll_sketch.deserialize(bytes.fromhex(sketch)))
    result = union.get_result(tgt_hll_type.HLL_8)
    print(round(result.get_estimate()), round(result.get_lower_bound(2)), round(result.get_upper_bound(2)))
