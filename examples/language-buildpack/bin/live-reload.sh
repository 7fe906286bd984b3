# shellcheck shell=sh
# Whether live reload is on, by the rules of the Watchexec Buildpack: the flag decides, and where it
# is not set the execution environment.
live_reload() {
    case "${BP_LIVE_RELOAD_ENABLED:-}" in
    1 | t | T | TRUE | true | True) return 0 ;;
    '') [ "${CNB_EXEC_ENV:-}" = development ] ;;
    *) return 1 ;;
    esac
}
