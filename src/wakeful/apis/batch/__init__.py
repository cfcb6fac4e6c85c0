"""The batch group: work that ends, once or on a schedule."""

from wakeful.apis.batch.job_types import CronJob, CronJobSpec, Job, JobSpec, JobStatus
from wakeful.apis.batch.resources import RESOURCES

__all__ = ["RESOURCES", "CronJob", "CronJobSpec", "Job", "JobSpec", "JobStatus"]
