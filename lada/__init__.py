"""The LadaGAN networks of arXiv 2401.09596; needs torch only."""
