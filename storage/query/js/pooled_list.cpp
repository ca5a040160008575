#include "storage/query/js/pooled_list.h"

namespace divan::storage::js {

PooledList::~PooledList() {
    if (lease_) lease_->discard();
}

Result<ListPart> PooledList::begin() {
    try {
        lease_.emplace(pool_.lease(design_, context_));
    } catch (const Refused& refused) {
        return refused.error();
    } catch (const WorkerFailed& failed) {
        return failed.error();
    }
    return ask(*request_);
}

Result<ListPart> PooledList::feed(std::span<const Bytes> rows) {
    FrameWriter request(Request::rows);
    request.fields().varint(rows.size());
    for (const auto& row : rows) request.fields().sized(row);
    return ask(request);
}

Result<ListPart> PooledList::finish() {
    FrameWriter request(Request::rows_end);
    return ask(request);
}

Result<ListPart> PooledList::ask(FrameWriter& request) {
    DIVAN_CHECK(lease_.has_value());
    try {
        ListPart part;
        lease_->ask(
            request,
            [&](ByteReader& fields) {
                part.ended = fields.u8() != 0;
                if (const auto start = fields.sized(); !start.empty()) part.start = Bytes(start);
                part.output = fields.sized();
            },
            Reply::part);
        if (part.ended) lease_.reset();
        return part;
    } catch (const Refused& refused) {
        lease_.reset();  // The function is over; the process is not.
        return refused.error();
    } catch (const WorkerFailed& failed) {
        lease_.reset();
        return failed.error();
    } catch (const BadFrame& bad) {
        return WorkerFailed(bad.what()).error();
    }
}

}  // namespace divan::storage::js
