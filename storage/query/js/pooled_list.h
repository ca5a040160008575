#pragma once

#include "storage/query/js/functions.h"
#include "storage/query/js/worker_pool.h"

namespace divan::storage::js {

/// A list function in a process of a pool. The pool must outlive it.
class PooledList final : public List {
public:
    /// `request` starts it.
    PooledList(WorkerPool& pool, Design design, BytesView context,
               std::unique_ptr<FrameWriter> request)
        : pool_(pool),
          design_(std::move(design)),
          context_(context),
          request_(std::move(request)) {}
    ~PooledList() override;

    Result<ListPart> begin() override;
    Result<ListPart> feed(std::span<const Bytes> rows) override;
    Result<ListPart> finish() override;

private:
    Result<ListPart> ask(FrameWriter& request);

    WorkerPool& pool_;
    const Design design_;
    const Bytes context_;
    std::unique_ptr<FrameWriter> request_;
    std::optional<WorkerPool::Lease> lease_;
};

}  // namespace divan::storage::js
