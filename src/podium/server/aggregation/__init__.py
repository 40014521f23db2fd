"""API aggregation: requests that another API server answers are passed on to it."""
