"""Rules tried on recordings before they go live: the very engine, over prepared enriched batches, in parallel.

`prepare` makes enriched batches of a recording once (decode, normalize, enrich), `cache` keeps them, `evaluate`
runs rule sets over them, `burden` and `catch` count what came out, `run` puts it together.
"""
