#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "server/http/http_server.h"
#include "server/http/request_parser.h"
#include "server/http/response_head.h"
#include "storage/base/async/io_loop.h"
#include "storage/base/async/socket.h"
#include "storage/base/inflater.h"

namespace divan::server {

class Session;
class TlsContext;

/// What the sessions of one loop share: buffers that each uses only between two suspensions, the
/// clock of their limits, and the list of them. Loop's thread only, but for `session_count`.
class SessionHost {
public:
    SessionHost(IoLoop& loop, RequestHandler& handler, Metrics& metrics,
                const HttpOptions& options);

    /// Any thread: counts a connection that is about to come by `adopt`.
    void expect_one() { count_.fetch_add(1, std::memory_order_relaxed); }
    /// `tls` is null for plain TCP, and outlives the host otherwise.
    void adopt(int descriptor, std::string peer, const TlsContext* tls);
    /// Sets the clock, ends what is over its limit, and comes again. First called before the loop
    /// runs.
    void tick();
    /// Idle sessions end, others after their answer.
    void begin_stop();
    void abort_all();
    std::size_t session_count() const { return count_.load(std::memory_order_relaxed); }

    std::unique_ptr<Request> take_request();
    void give_back(std::unique_ptr<Request> request);
    std::string_view new_request_id();

    IoLoop& loop;
    RequestHandler& handler;
    Metrics& metrics;
    const HttpOptions& options;
    std::vector<char> read_buffer;
    std::string head_buffer;
    std::string common_lines;
    std::chrono::milliseconds now{};  ///< As of the last tick.
    bool stopping = false;

private:
    friend Task<void> serve(SessionHost& host, std::unique_ptr<Session> session);

    std::list<Session*> sessions_;
    std::vector<std::unique_ptr<Request>> spare_requests_;
    std::atomic<std::size_t> count_{0};
    std::uint64_t random_state_;
    std::string request_id_;
};

/// One connection: its requests one after the other, each read, handled and answered before the
/// next is looked at. Made and run by its host, on the loop's thread.
///
/// While it waits for a request it holds no buffer: bytes are read into the host's and stay there
/// unless they are not all of a request.
class Session final : public RequestBody, public Connection {
public:
    Session(SessionHost& host, std::unique_ptr<Socket> socket, std::string peer);
    ~Session() override;

    Task<void> run();
    void tick();
    void begin_stop();
    void abort();

    Task<bool> read(std::string& out) override;
    Task<std::string> read_all(std::uint64_t bytes_max) override;
    std::optional<std::uint64_t> length() const override { return parser_.content_length(); }
    bool absent() const override;
    void keep_encoding() override { keep_encoding_ = true; }

    bool gone() const override { return gone_; }
    void on_end(std::function<void()> listener) override;

private:
    enum class Step : std::uint8_t { wait, done, end };
    struct Wait;
    struct Ahead;

    Task<bool> shake_hands();
    Step read_head();
    Step parse_head(std::string_view bytes);
    void take_head();
    void refuse_head(RequestParser::State state);
    void end_request();
    Task<Response> answer();
    Task<bool> send(Response& response);

    RequestParser::State parse_body(std::string_view bytes, std::string& out);
    Task<bool> read_raw(std::string& out);
    void check_encoding();
    std::chrono::milliseconds body_patience() const;
    Task<bool> drain();
    Task<void> linger();

    void write_head(const Response& response);
    Task<bool> send_rest(Outgoing out);
    Task<bool> send_source(Response& response);
    static Task<void> run_ahead(ChunkSource& source, Ahead& ahead);

    void watch_peer();
    void check_peer();
    void fire_end();
    void limit(std::chrono::milliseconds span) { deadline_ = host_.now + span; }
    void no_limit() { deadline_ = {}; }

    SessionHost& host_;
    std::unique_ptr<Socket> socket_;
    const std::string peer_;
    RequestParser parser_;
    std::unique_ptr<Request> request_;
    std::string pending_;             ///< Received and not yet used.
    std::size_t tried_ = 0;           ///< So much of `pending_` is known to be no whole head.
    std::unique_ptr<Inflater> inflater_;
    std::string packed_;              ///< Body bytes that `inflater_` has not taken yet.
    std::chrono::milliseconds deadline_{};
    std::chrono::milliseconds stalled_{};  ///< How long the body was waited for.
    std::uint64_t body_received_ = 0;
    std::uint64_t body_time_ms_ = 0;
    Error refusal_;
    std::function<void()> end_listener_;
    std::shared_ptr<bool> alive_;
    unsigned answered_in_a_row_ = 0;  ///< Without letting others run.
    bool readable_ = false;
    bool keep_alive_ = true;
    bool idle_ = false;               ///< No byte of the next request is there.
    bool answering_ = false;          ///< From a request's whole head to the next request.
    bool refused_ = false;            ///< The head was no request: `refusal_` is the answer.
    bool gone_ = false;
    bool keep_encoding_ = false;
    bool expects_continue_ = false;
    bool encoding_checked_ = false;
    bool watching_ = false;
};

}  // namespace divan::server
