"""ResourceQuotas: bounds for what a namespace may use."""
