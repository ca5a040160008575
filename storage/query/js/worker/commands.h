#pragma once

#include <map>
#include <memory>
#include <string>

#include "storage/query/js/worker/channel.h"
#include "storage/query/js/worker/globals.h"

namespace divan::storage::js {

/// Answers requests, one after another. `cx` must outlive it.
class Commands {
public:
    Commands(JSContext* cx, Channel& channel);

    /// Until the server closes the pipe. Throws `CorruptBytes` or `BadFrame` on a request that is
    /// none.
    void run();

private:
    void answer(BytesView frame);
    void answer(Request kind, ByteReader& fields);
    void refuse(const Failure& failure);

    Globals& globals(ByteReader& fields);
    void open(ByteReader& fields);
    void map(ByteReader& fields);
    void map_document(Globals& globals, BytesView document,
                      const JS::RootedObjectVector& functions);
    bool read_frozen(BytesView text, JS::MutableHandleValue document);
    void reduce(ByteReader& fields);
    void validate(ByteReader& fields);
    void filter(ByteReader& fields, bool by_view);
    void render(ByteReader& fields, const char* function, int texts);
    void list(ByteReader& fields);
    void ask_for_rows(BytesView head, BytesView output);
    bool next_row(Bytes& row);

    JSContext* cx_;
    Channel& channel_;
    Outside outside_;
    std::map<Bytes, std::unique_ptr<Globals>, std::less<>> globals_;
    FrameWriter reply_;
    std::vector<Bytes> rows_;  ///< A list's, that it has not asked for yet.
    std::size_t rows_given_ = 0;
    bool rows_ended_ = false;
};

}  // namespace divan::storage::js
