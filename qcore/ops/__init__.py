"""One file per builtin operator, named as the schema names it; `_family.py` files hold a family's shared arithmetic."""
