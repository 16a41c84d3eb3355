"""What the detector finds, once more and as naively as possible: dicts and lists, row by row.

Written from docs/features.md, docs/patterns.md, docs/alerts.md and the rule set's YAML. Nothing here
imports the package that it is held against (a test holds that).
"""
