#pragma once

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "tools/bench/kinds.h"

namespace divan::bench {

/// What all kinds share: when to stop, and what a right reply is.
class Slice : public Work {
public:
    Slice(Site& site, Limits limits, Samples& samples, int status)
        : site_(site), limits_(limits), samples_(samples), status_(status) {}

    bool next(std::size_t client, Exchange& exchange) final {
        if (asked_ >= limits_.requests_max) return false;
        // The first is asked however late it is: a slice without any has no figures.
        if (asked_ > 0 && std::chrono::steady_clock::now() >= limits_.deadline) return false;
        ++asked_;
        fill(client, exchange);
        return true;
    }
    void done(std::size_t, const ReplyParser& reply, std::chrono::nanoseconds latency) final {
        if (reply.status() != status_) {
            throw std::runtime_error(fmt::format("{}: {} instead of {}: {}", site_.target().url,
                                                 reply.status(), status_,
                                                 reply.body().substr(0, 300)));
        }
        samples_.items += items(reply);
        samples_.latencies.push_back(latency);
    }

protected:
    virtual void fill(std::size_t client, Exchange& exchange) = 0;
    /// What the reply counts for. Throws where it cannot be what was asked for.
    virtual double items(const ReplyParser& reply) = 0;

    // A reply that is far too small did not do the work.
    void check_bytes(const ReplyParser& reply, std::uint64_t bytes_min) const {
        if (reply.body_bytes() < bytes_min) {
            throw std::runtime_error(fmt::format("{}: an answer of {} bytes, at least {} expected",
                                                 site_.target().url, reply.body_bytes(),
                                                 bytes_min));
        }
    }

    Site& site_;

private:
    const Limits limits_;
    Samples& samples_;
    const int status_;
    std::uint64_t asked_ = 0;
};

}  // namespace divan::bench
