"""Every rival generator of Tables IV and V under its name, which is the model's and the resolution.

A new one is a file here with a GENERATORS dict of baselines.generators.network.Network, and a line below.
"""

from baselines.generators import (
    adm,
    biggan,
    consistency,
    ganformer,
    gat,
    hit,
    ssgan,
    strans_g,
    stylegan2,
    styleswin,
    transgan,
    vanilla_vit,
    vitgan,
)
from baselines.generators.network import Network

GENERATORS: dict[str, Network] = {
    **adm.GENERATORS,
    **consistency.GENERATORS,
    **stylegan2.GENERATORS,
    **vitgan.GENERATORS,
    **vanilla_vit.GENERATORS,
    **transgan.GENERATORS,
    **hit.GENERATORS,
    **ssgan.GENERATORS,
    **biggan.GENERATORS,
    **ganformer.GENERATORS,
    **gat.GENERATORS,
    **styleswin.GENERATORS,
    **strans_g.GENERATORS,
}
