"""Modules that import one another become one text, in which each keeps what is its own."""

import pytest

from tutorial_vae.explorer import script, style


def test_a_module_and_what_it_imports_become_one_text(tmp_path):
    (tmp_path / "a.js").write_text("const own = 1;\nexport const one = own;\n")
    (tmp_path / "b.js").write_text(
        'import { one } from "./a.js";\n// A comment.\nconst own = 2;\n'
        "export function both() {\n  return one + own;\n}\n"
    )
    (tmp_path / "x.js").write_text(
        'import {\n  both,\n} from "./b.js";\nimport { one } from "./a.js";\n'
        "const own = 3;\nexport default { render() { return both() + one + own; } };\n"
    )
    assert script(tmp_path / "x.py").splitlines() == [
        "const module0 = (() => {", "const own = 1;", "const one = own;", "return { one };",
        "})();", "const module1 = (() => {", "const { one } = module0;", "const own = 2;",
        "function both() {", "return one + own;", "}", "return { both };", "})();",
        "const {", "both,", "} = module1;", "const { one } = module0;",
        "const own = 3;", "export default { render() { return both() + one + own; } };",
    ]  # fmt: skip


def test_a_package_that_is_missing_is_named(tmp_path):
    (tmp_path / "x.js").write_text('import { a } from "no_such_package/a.js";\n')
    with pytest.raises(ImportError, match="there is no package no_such_package"):
        script(tmp_path / "x.py")


def test_an_explorer_has_its_own_rules_after_those_of_all(tmp_path):
    (tmp_path / "x.css").write_text(".tvae-x { color: red; }")
    assert style(tmp_path / "x.py").endswith("\n.tvae-x { color: red; }")
