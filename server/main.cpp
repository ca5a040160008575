#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/app.h"

namespace divan::server {
namespace {

// Every connection, and every file of the store, is a descriptor.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// Waits for a signal to end or to read the files again, or for a request to start again. Made
/// before any thread, so that no other thread takes the signals.
class Wakeup {
public:
    Wakeup() {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);
        std::signal(SIGPIPE, SIG_IGN);
        signals_ = signalfd(-1, &signals, SFD_CLOEXEC);
        restart_ = eventfd(0, EFD_CLOEXEC);
        if (signals_ < 0 || restart_ < 0) throw std::runtime_error("cannot wait for signals");
    }
    ~Wakeup() {
        ::close(signals_);
        ::close(restart_);
    }
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    void ask_restart() const { eventfd_write(restart_, 1); }

    enum class Asked { end, restart, reload };
    Asked wait() const {
        pollfd waiting[] = {{signals_, POLLIN, 0}, {restart_, POLLIN, 0}};
        while (::poll(waiting, 2, -1) < 0) {}
        if (waiting[0].revents != 0) {
            signalfd_siginfo signal{};
            const bool whole = ::read(signals_, &signal, sizeof signal) == sizeof signal;
            return whole && signal.ssi_signo == SIGHUP ? Asked::reload : Asked::end;
        }
        eventfd_t count = 0;
        eventfd_read(restart_, &count);
        return Asked::restart;
    }

private:
    int signals_;
    int restart_;
};

void run(const AppOptions& options, const Wakeup& wakeup) {
    bool again = true;
    while (again) {
        App app(options);
        app.start();
        fmt::print("Divan {} listening on {}\n", DIVAN_VERSION, app.url());
        if (const auto tls = app.tls_url()) fmt::print("Listening on {} too\n", *tls);
        std::fflush(stdout);
        auto asked = wakeup.wait();
        for (; asked == Wakeup::Asked::reload; asked = wakeup.wait()) app.reload();
        again = asked == Wakeup::Asked::restart;
        app.stop();
    }
}

int run_program(int argc, char** argv) {
    CLI::App program("Divan: a document store that speaks CouchDB's protocol.");
    AppOptions options;
    std::string data;
    std::vector<std::string> config_files;
    program.add_option("--data", data, "The folder that holds everything.");
    program.add_option("--port", options.port, "The port to listen on; 0 for any.");
    program.add_option("--bind", options.bind_address, "The address to listen on.");
    program.add_option("--config", config_files, "CouchDB ini files (or folders), in order.");
    program.set_version_flag("--version", "divan " DIVAN_VERSION);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return program.exit(error) == 0 ? 0 : 1;
    }
    options.config_files.assign(config_files.begin(), config_files.end());
    options.data = data.empty() ? configured_data_folder(options.config_files)
                                : std::filesystem::path(data);
    raise_descriptor_limit();
    const Wakeup wakeup;
    options.on_restart = [&wakeup] { wakeup.ask_restart(); };
    run(options, wakeup);
    return 0;
}

}  // namespace
}  // namespace divan::server

int main(int argc, char** argv) {
    try {
        return divan::server::run_program(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "divan: %s\n", failure.what());
        return 1;
    }
}
