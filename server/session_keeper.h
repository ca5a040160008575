#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "auth/sessions.h"

namespace divan::server {

/// Writes down when sessions were last used, every minute and at its end, and erases those that
/// have ended, on a thread of its own. The sessions must outlive it.
class SessionKeeper {
public:
    explicit SessionKeeper(auth::Sessions& sessions);
    ~SessionKeeper();

private:
    void run();
    bool rest();

    auth::Sessions& sessions_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace divan::server
