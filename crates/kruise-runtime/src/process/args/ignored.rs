//! Flags without effect.

/// Flags that are parsed and have no effect here.
#[derive(clap::Args, Clone, Debug, Default)]
#[allow(
    missing_docs,
    reason = "without effect; named in docs/spec/platform.md 2.4"
)]
pub struct IgnoredArgs {
    #[arg(long, hide = true)]
    pub vmodule: Option<String>,
    #[arg(long, hide = true)]
    pub pprof_addr: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub enable_pprof: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub disable_no_deepcopy: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub log_flush_frequency: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub log_text_split_stream: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub log_text_info_buffer_size: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub log_json_split_stream: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub log_json_info_buffer_size: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub logtostderr: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub alsologtostderr: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub stderrthreshold: Option<String>,
    #[arg(long = "log_dir", hide = true)]
    pub log_dir: Option<String>,
    #[arg(long = "log_file", hide = true)]
    pub log_file: Option<String>,
    #[arg(long = "log_file_max_size", hide = true)]
    pub log_file_max_size: Option<String>,
    #[arg(long = "one_output", hide = true, num_args = 0..=1, require_equals = true)]
    pub one_output: Option<Option<String>>,
    #[arg(long = "add_dir_header", hide = true, num_args = 0..=1, require_equals = true)]
    pub add_dir_header: Option<Option<String>>,
    #[arg(long = "skip_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub skip_headers: Option<Option<String>>,
    #[arg(long = "skip_log_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub skip_log_headers: Option<Option<String>>,
    #[arg(long = "log_backtrace_at", hide = true)]
    pub log_backtrace_at: Option<String>,
}
