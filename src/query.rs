//! The filter language over model rows: one grammar for the dashboard and the command line.
#![forbid(unsafe_code)]
