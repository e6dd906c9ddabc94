"""Settings and their defaults. Each is named in one table, from which help texts and docs are generated.

`flags`: what a process needs to start. `live`: what may change while it runs. `classes`: what may differ for one
IngressClass. `parsing` and `times` turn texts into values. This room reads nothing itself: `cli` and `observe.configmap`
pass the texts in.
"""
