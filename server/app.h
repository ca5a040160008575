#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace divan::server {

/// What the command line decides; what it leaves out comes from the configuration.
struct AppOptions {
    std::filesystem::path data;
    std::vector<std::filesystem::path> config_files;
    std::optional<std::uint16_t> port;
    std::optional<std::string> bind_address;
    bool sync_writes = true;  ///< Off in tests that write much.
    std::filesystem::path javascript_program;  ///< Empty: divan-js beside this program.
    std::size_t loops = 0;    ///< 0: as many as there are cores.
    std::function<void()> on_restart;  ///< `_restart` was asked for. Any thread; must be short.
};

/// The whole server: builds everything in order, stops it in reverse. There are no globals, so
/// that a process can hold several, and restart one in place.
class App {
public:
    /// Opens the data folder and the port. Throws `std::exception` with one clear line where
    /// something is not as it must be.
    explicit App(AppOptions options);
    ~App();
    App(const App&) = delete;
    App& operator=(const App&) = delete;

    void start();
    /// Ends feeds, finishes what was accepted, closes the store. Blocks. Once only.
    void stop();

    std::uint16_t port() const;
    std::string url() const;  ///< "http://127.0.0.1:5984"
    std::optional<std::string> tls_url() const;  ///< Empty where TLS is off.
    /// Reads configuration, certificate and key again. What cannot be read is logged and stays as
    /// it was.
    void reload();

private:
    struct Parts;

    static void open_sign_in(Parts& parts);
    static void upgrade_hashes(Parts& parts);

    std::unique_ptr<Parts> parts_;
};

/// The data folder that a configuration file names (`[couchdb] database_dir`), else "data".
std::filesystem::path configured_data_folder(
    const std::vector<std::filesystem::path>& config_files);

}  // namespace divan::server
