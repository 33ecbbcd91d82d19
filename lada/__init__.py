"""The LadaGAN networks (Morales-Juarez and Fuentes-Pineda, arXiv 2401.09596); needs torch only."""
