"""Every option of every command says what it does, and what it is when it is not given."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for package in ("harness", "pipelines") for path in sorted((ROOT / package).rglob("*.py"))]
NOTHING = ("None", "[]", "()", "False", "True")  # what an absent option means needs no number


def options(path):
    """(line, words, keywords) of every option that the file defines, names of its constants and strings resolved."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {
        target.id: ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            keywords = {entry.arg: ast.unparse(entry.value) for entry in node.keywords}
            keywords["help"] = texts.get(keywords.get("help", ""), keywords.get("help", ""))
            yield node.lineno, [ast.unparse(word) for word in node.args], keywords


@pytest.mark.parametrize("path", [path for path in FILES if "add_argument" in path.read_text(encoding="utf-8")], ids=str)
def test_every_option_says_what_it_does_and_its_default(path):
    for line, words, keywords in options(path):
        where = f"{path.name}:{line} {words}"
        if keywords.get("choices") and not keywords.get("help") and not words[0].startswith("'-"):
            continue  # a word whose choices say it all
        assert keywords["help"], where
        if keywords.get("default", "None") not in NOTHING:
            assert "default" in keywords["help"], where
