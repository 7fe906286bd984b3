//! The patterns that are ignored unless a user takes them back.

/// Patterns of files and directories that apps and tools write into the app directory, one group a line.
///
/// Without them an app that does so is restarted by its own writing, and writes again: 112 starts in 6 s were seen.
/// None matches a file with the extension of a source language, except for names that only a tool gives, and what is in
/// a directory of the list. docs/ignored.md explains each group, and a test compares it with this list.
///
/// They come after those that watchexec has built in (version control, swap files of editors, `.DS_Store`, `*.pyc`),
/// and before those of the user, so that `!PATTERN` takes one back.
pub const DEFAULT_PATTERNS: &str = concat!(
    // Logs, also rotated ones.
    "*.[Ll][Oo][Gg] *.log.[0-9] *.log.[0-9][0-9] *.log.[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] ",
    "*.log[-.][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9] *.log*.gz .*-audit.json /logs /var/log nohup.out\n",
    // State of running processes, and files that are written under another name first.
    "*.pid *.sock *.lck *.tmp .nfs* .fuse_hidden* .mutagen-temporary*\n",
    // Embedded databases and their journals.
    "*.db *.db-* *.s3db *.s3db-* *.sqlite *.sqlite-* *.sqlite3 *.sqlite3-* *.rdb appendonlydir\n",
    // Dumps of crashed processes.
    "core.[1-9][0-9] core.[1-9][0-9][0-9] core.[1-9][0-9][0-9][0-9] core.[1-9][0-9][0-9][0-9][0-9] ",
    "core.[1-9][0-9][0-9][0-9][0-9][0-9] core.[1-9][0-9][0-9][0-9][0-9][0-9][0-9] *.dmp\n",
    // Caches of tools of all languages, histories of their consoles, and the scratch directory.
    ".*cache .*_history /tmp\n",
    // Editors, version control, and the metadata of macOS.
    "\\#*\\# .\\#* *~ ._* .idea *.iml .vscode .vs .history .fleet *.sublime-workspace .jj .direnv\n",
    // The JVM and its languages.
    ".attach_pid* .java_pid* *.hprof *.jfr *.jsa .gradle .kotlin .settings .metadata .bloop .bsp .metals .lsp ",
    ".clj-kondo .shadow-cljs .nrepl-port activemq-data\n",
    // Node.js.
    "*.heapsnapshot *.heapprofile *.cpuprofile report.[0-9]*.json *.tsbuildinfo .npm .pnpm-store .nyc_output .turbo ",
    ".nx .angular .vite .nuxt .svelte-kit .astro .docusaurus **/.next/cache **/.next/dev **/.next/trace ",
    "**/.next/server/**/*.html **/.next/server/**/*.rsc **/.next/server/**/*.meta **/.next/server/**/*.body\n",
    // Python.
    "__pycache__ *.prof .coverage .coverage.* htmlcov .hypothesis .ipynb_checkpoints .tox .nox .pytype .pyre ",
    ".dmypy.json .ropeproject .scrapy celerybeat-schedule celerybeat-schedule.* celerybeat-schedule-* flask_session ",
    "mlruns\n",
    // Ruby.
    ".rspec_status .jekyll-metadata .ruby-lsp .solargraph .yardoc\n",
    // Go.
    "*.pprof __debug_bin* .hugo_build.lock .task pb_data\n",
    // PHP.
    "/var/cache /var/sessions /storage/framework /writable /sites/*/files /web/sites/*/files **/wp-content/cache ",
    "**/wp-content/uploads **/wp-content/upgrade typo3temp cachegrind.out.*\n",
    // .NET.
    "App_Data .aspnet *.nettrace *.gcdump .ionide TestResults BenchmarkDotNet.Artifacts",
);
