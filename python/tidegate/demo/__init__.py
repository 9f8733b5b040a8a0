"""The demo: real flights of 2013 through a real gateway, with two models behind one route.

Run it with `make demo`, or `python -m tidegate.demo`. Everything it makes stays under `.cache/`.
"""
