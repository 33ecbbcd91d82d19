"""STrans-G (Xu et al. 2021, arXiv 2110.13107), whose code and full configuration were not found."""

from baselines.generators.network import Network

GENERATORS = {
    "strans-g": Network(
        title="STrans-G",
        resolution=32,
        source="arXiv 2110.13107",
        build=None,
        inputs=None,
        note="no public code or complete configuration was found, so nothing was built or measured",
    )
}
