"""Converts the config.json of the authors' published TensorFlow checkpoints to our configurations.

The keys are those that demo.ipynb of milmor/LadaGAN prints (at 4b463c6). Keys that only training needs are known but ignored:
some of the published values contradict the paper, and inference uses none of them.
"""

from collections.abc import Mapping

from lada.configs import DiscriminatorConfig, GeneratorConfig

NETWORK_KEYS = {"img_size", "noise_dim", "g_dim", "g_heads", "g_mlp", "dec_dim", "d_enc_dim", "d_out_dim", "d_heads", "d_mlp"}
TRAINING_KEYS = {"batch_size", "g_lr", "g_beta1", "g_beta2", "g_initializer", "d_lr", "d_beta1", "d_beta2", "d_initializer"}
TRAINING_KEYS |= {"gp_weight", "policy", "loss", "ema_decay", "bcr", "cr_weight"}
TRAINING_KEYS |= {"fid_batch_size", "gen_batch_size", "n_fid_real", "n_fid_gen", "plot_size", "test_seed"}
_LARGEST = 1 << 16  # largest width or size; a larger one must be a mistake
_BLOCKS = 3  # their generator has exactly three blocks, at 8, 16 and 32 pixels


def published_configs(config: Mapping[str, object]) -> tuple[GeneratorConfig, DiscriminatorConfig]:
    """The configurations of the networks that config.json describes, with framework "tensorflow".

    ValueError names a key that is unknown or missing, or whose value our networks do not support.
    """
    if unknown := sorted(config.keys() - TRAINING_KEYS - NETWORK_KEYS):
        raise ValueError(
            f"given the unknown key {unknown[0][:80]!r}; expected keys among {_listed(NETWORK_KEYS | TRAINING_KEYS)}"
        )
    if missing := sorted(NETWORK_KEYS - config.keys()):
        raise ValueError(f"{missing[0]} is missing; expected at least {_listed(NETWORK_KEYS)}")
    return _generator(config), _discriminator(config)


def _generator(config: Mapping[str, object]) -> GeneratorConfig:
    output, decoder_dims = _output(config)
    return GeneratorConfig(
        resolution=_size(config, "img_size"),
        dims=_sizes(config, "g_dim", _BLOCKS),
        noise_dim=_size(config, "noise_dim"),
        num_heads=_one_value(config, "g_heads"),
        mlp_dim=_one_value(config, "g_mlp"),
        output=output,
        decoder_dims=decoder_dims,
        framework="tensorflow",
    )


def _discriminator(config: Mapping[str, object]) -> DiscriminatorConfig:
    first, second = _sizes(config, "d_out_dim", 2)
    return DiscriminatorConfig(
        resolution=_size(config, "img_size"),
        encoder_dims=_sizes(config, "d_enc_dim"),
        num_heads=_size(config, "d_heads"),
        mlp_dim=_size(config, "d_mlp"),
        head_dims=(first, second),
        framework="tensorflow",
    )


def _output(config: Mapping[str, object]) -> tuple[str, tuple[int, ...]]:
    """Our output and decoder_dims. Without a decoder, theirs shuffles pixels by img_size // 32; ours can do 1 and 2."""
    if config["dec_dim"] is not False:
        return "conv", _sizes(config, "dec_dim")
    resolution = _size(config, "img_size")
    if resolution not in (32, 64):
        raise ValueError(f"given dec_dim false with img_size {resolution}; expected 32 or 64, or widths of a decoder")
    return ("pixel" if resolution == 32 else "patch"), ()


def _one_value(config: Mapping[str, object], key: str) -> int:
    """The single value in a list that repeats it for each block."""
    values = _sizes(config, key, _BLOCKS)
    if len(set(values)) > 1:
        raise ValueError(f"given {key} {list(values)}; expected one value for all blocks, which is what our generator has")
    return values[0]


def _sizes(config: Mapping[str, object], key: str, count: int | None = None) -> tuple[int, ...]:
    values = config[key]
    if not isinstance(values, list) or not 0 < len(values) <= 8 or (count and len(values) != count):
        raise ValueError(f"given {key} {_short(values)}; expected a list of {count or 'up to 8'} sizes")
    return tuple(_checked(value, key) for value in values)


def _size(config: Mapping[str, object], key: str) -> int:
    return _checked(config[key], key)


def _checked(value: object, key: str) -> int:
    if type(value) is not int or not 0 < value <= _LARGEST:
        raise ValueError(f"given {key} {_short(value)}; expected an integer from 1 to {_LARGEST}")
    return value


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, list | dict) else f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= 80 else text[:77] + "..."


def _listed(keys: set[str]) -> str:
    return ", ".join(sorted(keys))
