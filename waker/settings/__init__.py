"""Settings and their defaults. Each is named in one table, from which help texts and docs are generated.

`flags`: what a process needs to start. `configmap`: what may change while it runs. `ingress_class`: what may differ for
one IngressClass. `parsing` and `durations` turn texts into values. This room reads nothing itself: `cli` and
`observe.live_settings` pass the texts in.
"""
