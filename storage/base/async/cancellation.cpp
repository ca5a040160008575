#include "storage/base/async/cancellation.h"

namespace divan {

Cancellation::Cancellation(Cancellation& whole) {
    whole_.emplace(whole, [this] { request(); });
}

void Cancellation::request() {
    requested_ = true;
    for (const auto& [hook, ring] : hooks_) ring();  // a ring runs nothing here and now
}

Cancellation::Hook::Hook(Cancellation& cancellation, std::function<void()> then)
    : cancellation_(cancellation),
      place_(cancellation.hooks_.emplace(this, std::move(then)).first) {
    if (cancellation.requested_) place_->second();
}

Cancellation::Hook::~Hook() {
    cancellation_.hooks_.erase(place_);
}

Task<bool> Cancellation::sleep(std::chrono::milliseconds duration) {
    Signal wake;
    const Hook hook(*this, wake);
    while (!requested_) {
        const bool rung = co_await wake.wait(duration);
        if (!rung) co_return true;
    }
    co_return false;
}

}  // namespace divan
