# Sourced by tools/run and tools/test: installs what is missing on Debian 12, and builds.
# shellcheck shell=bash

# What it takes to build the server.
build_packages=(
    g++ cmake ninja-build ccache mold
    librocksdb-dev libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libsimdjson-dev
    libssl-dev libfmt-dev libspdlog-dev libcli11-dev zlib1g-dev libicu-dev libpcre2-dev
    libsnappy-dev libzstd-dev libxxhash-dev
    libmozjs-102-dev libseccomp-dev
)
# What the tests need besides. Node.js may also come from elsewhere: its commands count.
test_packages=(doctest-dev chromium)
test_commands=(node npm)
# Several packages of the tests want a newer Node.js than Debian 12 has; then it comes through npm.
node_major_min=20
node_from_npm=22.23.3

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Runs a command as root, where this is not root already.
as_root() {
    if [[ $(id --user) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo --non-interactive "$@" || sudo "$@"
    else
        say "needs root (or sudo) for: $*"
        return 1
    fi
}

# install PACKAGE...: those that are missing. Needs no network where none is.
install() {
    local missing=() package
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian: install the counterparts of: $*"
        return 0
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update --quiet >&2 ||
        say 'apt-get update failed: trying with the package lists that are there'
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >&2
}

install_for_build() {
    install "${build_packages[@]}"
}

install_for_tests() {
    local packages=("${build_packages[@]}" "${test_packages[@]}") command
    for command in "${test_commands[@]}"; do
        case $command in
            node) command -v node >/dev/null || packages+=(nodejs) ;;
            *) command -v "$command" >/dev/null || packages+=("$command") ;;
        esac
    done
    install "${packages[@]}"
}

# use_recent_node ROOT: puts a Node.js that is new enough first in PATH.
use_recent_node() {
    local root=$1 major machine folder
    major=$(node --print 'process.versions.node.split(".")[0]')
    ((major < node_major_min)) || return 0
    case $(uname --machine) in
        x86_64) machine=x64 ;;
        aarch64) machine=arm64 ;;
        *)
            say "Node.js $node_major_min or newer is needed, this is $major: install one by hand"
            return 1
            ;;
    esac
    folder=$root/build/node
    if [[ $("$folder/node_modules/node-linux-$machine/bin/node" --version 2>/dev/null) != "v$node_from_npm" ]]; then
        say "Node.js $major is too old for the tests: fetching $node_from_npm into build/node"
        mkdir -p "$folder"
        npm install --prefix "$folder" --no-save --ignore-scripts --no-audit --no-fund \
            "node-linux-$machine@$node_from_npm" >&2
    fi
    export PATH=$folder/node_modules/node-linux-$machine/bin:$PATH
}

# A compiler takes up to 1.5 GB: as many at once as there are cores and memory for.
build_jobs() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
    ((memory >= 1)) || memory=1
    echo $((cores < memory ? cores : memory))
}

# build ROOT [TARGET...]: the release build in ROOT/build.
build() {
    local root=$1 log
    shift
    log=$(mktemp)
    if ! (cd "$root" && cmake --preset release) >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
    cmake --build "$root/build" --parallel "$(build_jobs)" ${1:+--target "$@"} >&2
}
