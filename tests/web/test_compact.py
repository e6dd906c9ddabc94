"""Style and script with fewer bytes mean the same. `tests/browser` runs what comes out."""

import pytest

from waker.web import files
from waker.web.compact import compact_script, compact_style, compact_styles


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ("a { color: red; }\n  b, c > d { margin: 0 1px; }\n", "a{color:red}b,c>d{margin:0 1px}"),
        ('/* why */\n[x="y"] :is(p, q) { width: calc(1px + 2px); }', "[x=y] :is(p,q){width:calc(1px + 2px)}"),
        ('p::before { content: "{ a: b; }"; }', 'p::before{content:"{ a: b; }"}'),
        ("@media (a: b) and (c: d) { p { q: r } }", "@media (a:b) and (c:d){p{q:r}}"),
    ],
)
def test_styles(text: str, compact: str) -> None:
    assert compact_style(text) == compact


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        ("// why\nconst a = (b) => { return c ? d : e; };\n", "const a=(b)=>{return c?d:e;};"),
        ("f(\"a = b\", `c { ${d} }`, 'e , f');", "f(\"a = b\",`c { ${d} }`,'e , f');"),
        ("if (a) b();\nelse c();", "if(a)b();else c();"),
        ("const a = {\n  b: 1,\n}\nc(\n  d)\ne();", "const a={b:1,}\nc(d)\ne();"),
    ],
)
def test_scripts(text: str, compact: str) -> None:
    assert compact_script(text) == compact


def test_only_the_style_of_a_template_is_changed_and_its_conditions_stay() -> None:
    style = (
        '<style nonce="{{ page.nonce }}">\na { b: {{ page.c }}; }\n{% if page.d %}\ne { f: g; }\n{% endif %}\n</style>'
    )
    found = compact_styles(f"<p>  x</p>\n{style}\n<p>  y</p>")
    assert found.startswith("<p>  x</p>\n")
    assert found.endswith("</style>\n<p>  y</p>")
    assert "a{b:{{ page.c }}}{% if page.d %}\ne{f:g}{% endif %}\n" in found


STYLED = [each.name for each in files.folder("templates").glob("*.html") if not each.name.startswith("dashboard")]


@pytest.mark.parametrize("file", sorted(STYLED))  # the dashboard's style is a file of its own
def test_every_template_has_such_a_style(file: str) -> None:
    text = files.read("templates", file)
    assert len(compact_styles(text)) < len(text)
