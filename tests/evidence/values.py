"""What canonical JSON may hold, drawn at random, with the keys on which sorting goes wrong."""

from hypothesis import strategies as st

from trading_runtime.evidence.canonical import INTEGER_MAX

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = TEXTS | st.text(
    st.sampled_from('a"\\\x00\x7f\u2028\u20ac\ud7ff\ue000\ufb33\uffff\U00010000\U0010ffff'),
    max_size=3,
)
SCALARS = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
