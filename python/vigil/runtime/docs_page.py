"""The page at /docs where a person reads and sends requests; every file comes from this machine.

The bundled Swagger UI renders OpenAPI 3.0, our documents are 3.1: the page rewrites in the browser the two
things that differ in them (the version's name, and `null` as a type). /openapi.json stays 3.1.
"""

import html
from functools import cache

from swagger_ui_bundle import swagger_ui_path

_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png"></head>
<body><div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START = """"use strict";
const isNull = (schema) => schema && schema.type === "null";
function to30(node) {
  if (Array.isArray(node)) return node.map(to30);
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [name, value] of Object.entries(node)) out[name] = to30(value);
  for (const name of ["anyOf", "oneOf"]) {
    if (Array.isArray(out[name]) && out[name].some(isNull)) {
      const rest = out[name].filter((schema) => !isNull(schema));
      delete out[name];
      if (rest.length === 1 && !rest[0].$ref) Object.assign(out, { ...rest[0], ...out });
      else out[name] = rest;
      out.nullable = true;
    }
  }
  if (Array.isArray(out.type)) {
    out.nullable = out.type.includes("null");
    out.type = out.type.find((type) => type !== "null");
  }
  if ("const" in out && !("enum" in out)) out.enum = [out.const];
  if (Array.isArray(out.examples) && !("example" in out)) out.example = out.examples[0];
  return out;
}
fetch("/openapi.json").then((answer) => answer.json()).then((document_) => {
  const spec = to30(document_);
  spec.openapi = "3.0.3";
  window.ui = SwaggerUIBundle({
    spec, dom_id: "#page", deepLinking: true, tryItOutEnabled: true, validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
"""


@cache
def _assets() -> dict[str, tuple[str, bytes]]:
    return {f"/docs/{name}": (kind, (swagger_ui_path / name).read_bytes()) for name, kind in _ASSETS.items()}


def docs_pages(title: str) -> dict[str, tuple[str, bytes]]:
    """Path → content type and body of the docs page and what it loads; it reads /openapi.json."""
    page = _PAGE.format(title=html.escape(title)).encode()
    return {
        "/docs": ("text/html; charset=utf-8", page),
        "/docs/start.js": ("text/javascript; charset=utf-8", _START.encode()),
        **_assets(),
    }
