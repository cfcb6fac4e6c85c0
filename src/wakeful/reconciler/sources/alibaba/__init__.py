"""MnsOssSources and AliTablestoreSources: kept, but nobody reads these services."""
