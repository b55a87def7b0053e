"""Compute nodes of the demo site: places where jobs run as real processes and that only the site can reach.

A node is a small daemon (`daemon`). Where the kernel allows it, the daemon lives in a network namespace of its own (`namespace`), with a
loopback device and a host name of its own, entered without root; else it stands for a secret loopback address. The site starts nodes and
jobs through `fleet`; whoever may reach a port of a node (site, login node) gets a connected socket from `client.Node.dial`.
`step` supervises one job and ends its whole process tree. All but `fleet` uses the standard library only, so that a node starts fast.
"""
