# shellcheck shell=sh
# Whether live reload is on, as the Watchexec Buildpack decides: by the variable or, if it is unset, by
# the execution environment.
live_reload() {
    case "${BP_LIVE_RELOAD_ENABLED:-}" in
    1 | t | T | TRUE | true | True) return 0 ;;
    '') [ "${CNB_EXEC_ENV:-}" = development ] ;;
    *) return 1 ;;
    esac
}
