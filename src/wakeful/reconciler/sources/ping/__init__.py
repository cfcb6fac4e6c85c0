"""PingSources, and CronJobSources of 2019."""
