"""Which records measure which columns of the printed tables."""

# protocols that measure a column, as patterns; the first that a record has is taken. "*-train" is a profile of one's own.
DATASET_PROTOCOLS = {
    "cifar10": ("cifar10-50k", "*-train"),
    "celeba": ("celeba-19k", "*-train"),
    "lsun-bedroom": ("lsun128-50k", "*-train"),
}
COLUMN_PROTOCOLS = {
    "fid_50k": DATASET_PROTOCOLS["cifar10"],
    "fid_10k": ("cifar10-10k", "*-test"),
    "cifar10_32_50k": DATASET_PROTOCOLS["cifar10"],
    "celeba_64_19k": ("celeba-19k",),
    "celeba_64_50k": ("celeba-50k",),
    "ffhq_128_50k": ("ffhq-50k",),
    "lsun_128_30k": ("lsun128-30k",),
    "lsun_256_50k": ("lsun256-50k",),
}
# rows of other tables that are the same runs as LadaGAN's in Table IV (by column) and in Table V (by resolution)
TABLE_4_RUNS = {"cifar10_32_50k": "1:16", "celeba_64_19k": "2:7", "celeba_64_50k": "2:7", "lsun_128_30k": "2:12"}
TABLE_5_RUNS = {"32": "1:16", "64": "2:7"}
LADAGAN = "LadaGAN"
PROXIES = {"fid": "fd/", "sfid": "sfd/", "is": "isx/", "precision": "precision/", "recall": "recall/"}
COST_UNITS = {"params": 1e6, "flops": 1e9}
RIVALS = {"CT": "ct", "ADM-IP": "adm-ip", "StyleGAN2": "stylegan2", "ViTGAN": "vitgan"}
