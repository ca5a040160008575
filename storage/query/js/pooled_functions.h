#pragma once

#include <functional>

#include "storage/query/js/functions.h"
#include "storage/query/js/worker_pool.h"

namespace divan::storage::js {

/// Functions that run in the processes of a pool, which must outlive them.
class PooledFunctions final : public Functions {
public:
    PooledFunctions(WorkerPool& pool, Design design);

    Result<Mapped> map(std::span<const std::string> functions,
                       std::span<const BytesView> documents) override;
    Result<std::vector<Bytes>> reduce(std::span<const std::string> functions,
                                      std::span<const ReduceRow> rows) override;
    Result<Bytes> rereduce(const std::string& function, std::span<const BytesView> values) override;
    Result<std::vector<std::optional<Error>>> validate(std::span<const Validation> edits,
                                                       BytesView user, BytesView security) override;
    Result<std::vector<bool>> filter(std::string_view name, std::span<const BytesView> documents,
                                     BytesView request) override;
    Result<std::vector<bool>> filter_view(std::string_view name,
                                          std::span<const BytesView> documents) override;
    Result<Bytes> show(std::string_view name, BytesView document, BytesView request) override;
    Result<Updated> update(std::string_view name, BytesView document, BytesView request) override;
    Result<std::optional<Bytes>> rewrite(BytesView request) override;
    std::unique_ptr<List> list(std::string_view name, BytesView head, BytesView request) override;

private:
    FrameWriter& start(FrameWriter& request) const;
    void ask_of_document(Request kind, std::string_view name, BytesView document,
                         BytesView request_json,
                         const std::function<void(ByteReader& answer)>& read);
    Result<std::vector<Bytes>> run_reduce(std::span<const std::string> functions, BytesView keys,
                                          BytesView values);
    template <class Start>
    std::vector<bool> filter_batches(std::span<const BytesView> documents, Start start_request);

    WorkerPool& pool_;
    const Design design_;
    const Bytes context_;
};

}  // namespace divan::storage::js
