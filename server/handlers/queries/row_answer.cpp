#include "server/handlers/queries/row_answer.h"

#include <utility>

namespace divan::server {
namespace {

class RowWriter {
public:
    RowWriter(std::vector<std::unique_ptr<RowList>> lists, bool several)
        : lists_(std::move(lists)), several_(several) {}

    bool done() const { return done_; }

    /// Appends about a piece.
    void fill(std::string& out) {
        if (!begun_ && several_) out += "{\"results\":[";
        begun_ = true;
        while (at_ < lists_.size()) {
            if (!fill_list(*lists_[at_], out)) return;
            lists_[at_++].reset();
            head_sent_ = false;
        }
        out += several_ ? "\r\n]}\n" : "\n";
        done_ = true;
    }

private:
    /// False where the piece is full before the list is at its end.
    bool fill_list(RowList& list, std::string& out) {
        if (!head_sent_) {
            if (several_) out += at_ > 0 ? ",\r\n" : "\r\n";
            list.head(out);
            head_sent_ = true;
            first_row_ = true;
        }
        while (out.size() < piece_bytes) {
            const auto before = out.size();
            if (!first_row_) out += ",\r\n";
            if (!list.row(out)) {
                out.resize(before);
                out += "\r\n]}";
                return true;
            }
            first_row_ = false;
        }
        return false;
    }

    std::vector<std::unique_ptr<RowList>> lists_;
    const bool several_;
    std::size_t at_ = 0;
    bool begun_ = false;
    bool head_sent_ = false;
    bool first_row_ = true;
    bool done_ = false;
};

class RowSource final : public ChunkSource {
public:
    RowSource(Services& services, std::unique_ptr<RowWriter> writer, std::string first)
        : services_(services), writer_(std::move(writer)), first_(std::move(first)) {}

    Task<bool> next(std::string& out) override {
        out.clear();
        if (!first_.empty()) {
            out.swap(first_);
            std::string().swap(first_);
            co_return true;
        }
        if (writer_->done()) co_return false;
        co_await services_.on_storage([this, &out] { writer_->fill(out); });
        co_return true;
    }

private:
    Services& services_;
    std::unique_ptr<RowWriter> writer_;
    std::string first_;
};

}  // namespace

Task<Response> answer_rows(Services& services, std::vector<std::unique_ptr<RowList>> lists,
                           bool several) {
    const bool brief = lists.size() == 1 && lists.front()->brief();
    auto writer = std::make_unique<RowWriter>(std::move(lists), several);
    std::string first;
    if (brief) {
        writer->fill(first);
    } else {
        co_await services.on_storage([&] { writer->fill(first); });
    }
    if (writer->done()) co_return json_response(200, std::move(first));
    auto response = json_response(200, {});
    response.source = std::make_unique<RowSource>(services, std::move(writer), std::move(first));
    co_return response;
}

}  // namespace divan::server
