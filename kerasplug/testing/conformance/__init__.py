"""The conformance suite for layers: what every layer owes to those who use it.

`case` holds the layer in question and makes what a check needs, `engines` hides which
Keras and which backend computes, `checks` has the checks, `running` runs them and
`report` says what came out. `api` is what users call.
"""
