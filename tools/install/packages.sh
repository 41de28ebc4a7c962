# Sourced by ./try and ./test: installs the Debian packages that are missing, and says which.
# Usage: install_packages try|test

install_packages() {
    local wanted=$1 list missing=() name began=$SECONDS
    list=$(dirname "${BASH_SOURCE[0]}")/packages.txt
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This machine has no apt-get. ./try and ./test are made for Debian 12; elsewhere, install these by hand" >&2
        echo "(clang 19, Boost 1.81 or newer) and run tools/install/try_it.py or tools/install/run_tests.py:" >&2
        echo "  $(package_names test "$list" | tr '\n' ' ')" >&2
        return 1
    fi
    while read -r name; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done < <(package_names "$wanted" "$list")
    if [ ${#missing[@]} -eq 0 ]; then
        echo "Debian packages: nothing is missing."
        return 0
    fi
    echo "Debian packages: installing ${#missing[@]} that are missing (and what they depend on):"
    printf '  %s\n' "${missing[*]}" | fold -s -w 110
    local log=build/log/packages.log as_root=()
    mkdir -p build/log
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "Not root, and there is no sudo. Run this as root, then start again:" >&2
            echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
            return 1
        fi
        as_root=(sudo)
        echo "  with sudo, which may ask for your password"
        sudo -v || { echo "sudo was refused. Ask an administrator to run the line below, then start again:" >&2
                     echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2; return 1; }
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    if ! "${as_root[@]}" update >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        echo "apt-get update failed (whole output: $log). Is the network up, and does /etc/apt name a mirror of Debian 12?" >&2
        return 1
    fi
    if ! "${as_root[@]}" install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        echo "apt-get install failed (whole output: $log). 'Unable to locate package' means that this is not Debian 12" >&2
        echo "or that its main archive is switched off; 'dpkg was interrupted' is cured by: dpkg --configure -a" >&2
        return 1
    fi
    echo "  done in $((SECONDS - began)) s"
}

package_names() { # package_names try|test FILE
    local who name rest
    while read -r who name rest; do
        case $who in
            try) echo "$name" ;;
            test) [ "$1" = test ] && echo "$name" ;;
        esac
    done <"$2"
    return 0
}
