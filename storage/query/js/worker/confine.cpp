#include "storage/query/js/worker/confine.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace divan::storage::js {
namespace {

// Whatever is not listed fails with EPERM.
constexpr auto allowed = std::to_array<int>({
    SCMP_SYS(read),           SCMP_SYS(write),           SCMP_SYS(munmap),
    SCMP_SYS(mremap),         SCMP_SYS(madvise),         SCMP_SYS(brk),
    SCMP_SYS(futex),          SCMP_SYS(sched_yield),     SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),   SCMP_SYS(getrandom),       SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),     SCMP_SYS(restart_syscall),
    SCMP_SYS(alarm),          SCMP_SYS(setitimer),       SCMP_SYS(exit),
    SCMP_SYS(exit_group),     SCMP_SYS(clock_nanosleep),
    // The engine's helper threads may get a processor only now: what glibc does as one begins, and
    // ends the process where it may not.
    SCMP_SYS(rseq),           SCMP_SYS(set_robust_list),
    // The engine lets go of SIGSEGV as it crashes; where it may not, it does so for ever.
    SCMP_SYS(rt_sigaction),
});

void check(int result) {
    if (result < 0) throw std::system_error(-result, std::generic_category(), "seccomp");
}

struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
};

void forbid_system_calls() {
    const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
    if (!filter) throw std::system_error(ENOMEM, std::generic_category(), "seccomp");
    check(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    for (const int call : allowed) check(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0));
    // Memory, as long as nobody can run it.
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
        check(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
    }
    // A helper thread takes its name as it begins, and crashes where it may not.
    check(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                           SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)));
    check(seccomp_load(filter.get()));
}

void limit(decltype(RLIMIT_DATA) what, rlim_t bytes) {
    const rlimit limits{bytes, bytes};
    if (setrlimit(what, &limits) != 0) {
        throw std::system_error(errno, std::generic_category(), "setrlimit");
    }
}

}  // namespace

void confine([[maybe_unused]] std::size_t memory_bytes) {
    limit(RLIMIT_CORE, 0);
// The sanitizers' own memory is beyond counting.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limit(RLIMIT_DATA, memory_bytes);
#endif
    forbid_system_calls();
}

void limit_time(unsigned seconds) {
    alarm(seconds);
}

}  // namespace divan::storage::js
