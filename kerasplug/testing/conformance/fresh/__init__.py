"""Other processes, in which nothing of an add-on was imported before.

`server` is a process that has started Keras and forks a child for each job; `job` is
what happens in the child, `actions` what it is asked to do there. On this side
`servers` starts and ends servers, `pool` shares them among all cases, `asking` makes
a job of a case and reads the reply, and `saved` compares. `packing` and `modules` are
used on both sides.
"""
