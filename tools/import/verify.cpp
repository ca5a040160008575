#include "tools/import/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/document/attachment.h"
#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t batch_documents = 200;

// Equal exactly where two bodies are the same JSON with the same order of members.
std::string normalised(const std::string& json) {
    auto value = parse_json(json);
    return value ? value->dump() : json;
}

Md5Digest digest_of(const Attachment& attachment, bool unpack) {
    constexpr std::size_t step = 256 * 1024;
    Md5 digest;
    Inflater inflater(Inflater::Rest::passed_over);
    std::string unpacked;
    attachment.read([&](std::string_view bytes) {
        if (!unpack) return digest.update(bytes);
        while (!bytes.empty() || inflater.holds_more()) {
            unpacked.clear();
            if (!inflater.step(bytes, unpacked, step)) throw Damage("broken gzip");
            digest.update(unpacked);
        }
    });
    return digest.finish();
}

class Comparison {
public:
    Comparison(SourceDatabase& from, TargetDatabase& to,
               const std::function<void(const Difference&)>& differs)
        : from_(from), to_(to), differs_(differs), name_(from.info().name) {}

    Verified work() {
        settings();
        const auto unread = [&](const Failure& failure) {
            tell(failure.what, "cannot be read from the source: " + failure.reason);
        };
        std::vector<Document> batch;
        for (std::size_t part = 0; part < from_.parts(); ++part) {
            from_.documents(
                part, {},
                [&](Document document) {
                    batch.push_back(std::move(document));
                    if (batch.size() >= batch_documents) compare(batch);
                },
                unread);
        }
        compare(batch);
        from_.locals([&](const LocalDocument& local) { compare(local); }, unread);
        purges(unread);
        const auto there = to_.document_count();
        const auto here = from_.whole_documents() ? verified_.documents : ids_.size();
        if (there != here) {
            tell("documents", fmt::format("{} in the source, {} in the target", here, there));
        }
        return verified_;
    }

private:
    void tell(const std::string& what, const std::string& how) {
        ++verified_.differences;
        differs_({name_, what, how});
    }

    void settings() {
        const auto& source = from_.info();
        const auto target = to_.info();
        if (source.partitioned != target.partitioned) {
            tell("partitioned", "only one of the two is");
        }
        if (!source.security.empty() &&
            normalised(source.security) != normalised(target.security)) {
            tell("_security", "differs");
        }
    }

    // The target keeps as many as its limit says, the newest.
    void purges(const TellFailure& unread) {
        std::vector<Purge> source;
        from_.purges([&](Purge purge) { source.push_back(std::move(purge)); }, unread);
        const auto there = to_.purges();
        const auto kept = std::min<std::uint64_t>(source.size(), to_.info().purged_infos_limit);
        for (auto at = source.size() - kept; at < source.size(); ++at) {
            if (std::find(there.begin(), there.end(), source[at]) == there.end()) {
                tell(source[at].id, "its purge is not remembered");
            }
        }
    }

    void compare(std::vector<Document>& batch) {
        std::vector<std::string> ids;
        for (const auto& document : batch) ids.push_back(document.id);
        const auto there = to_.read(ids);
        for (std::size_t at = 0; at < batch.size(); ++at) compare(batch[at], there.at(at));
        batch.clear();
    }

    void compare(const Document& source, const Document& target) {
        ++verified_.documents;
        if (!from_.whole_documents()) ids_.insert(source.id);
        if (target.leaves.empty()) return tell(source.id, "is missing");
        for (const auto& leaf : source.leaves) {
            ++verified_.leaves;
            const auto what = source.id + " " + storage::to_string(leaf.revision());
            const auto same = std::find_if(
                target.leaves.begin(), target.leaves.end(),
                [&](const Leaf& other) { return other.revision() == leaf.revision(); });
            if (same == target.leaves.end()) {
                tell(what, "this leaf is missing");
            } else {
                compare(leaf, *same, what);
            }
        }
        if (from_.whole_documents() && target.leaves.size() > source.leaves.size()) {
            tell(source.id, fmt::format("has {} leaves, {} in the source", target.leaves.size(),
                                        source.leaves.size()));
        }
    }

    void compare(const Leaf& source, const Leaf& target, const std::string& what) {
        if (source.deleted != target.deleted) tell(what, "only one of the two is deleted");
        if (source.path != target.path) tell(what, "has another history");
        if (normalised(source.json) != normalised(target.json)) tell(what, "has another body");
        std::map<std::string_view, const Attachment*> there;
        for (const auto& attachment : target.attachments) there[attachment.name] = &attachment;
        for (const auto& attachment : source.attachments) {
            const auto found = there.find(attachment.name);
            const auto which = what + " attachment " + attachment.name;
            if (found == there.end()) {
                tell(which, "is missing");
            } else {
                compare(attachment, *found->second, which);
            }
        }
        if (target.attachments.size() != source.attachments.size()) {
            tell(what, "has another number of attachments");
        }
    }

    void compare(const Attachment& source, const Attachment& target, const std::string& what) {
        ++verified_.attachments;
        const bool may_pack = source.as_clients_see || to_.packs_attachments();
        const bool alike = source.content_type == target.content_type &&
                           source.revpos == target.revpos && source.length == target.length &&
                           (source.gzip == target.gzip || (may_pack && target.gzip));
        if (!alike) tell(what, "is described differently");
        const bool unpack = target.gzip && !source.gzip;
        try {
            if (digest_of(source, false) != digest_of(target, unpack)) {
                tell(what, "has other bytes");
            }
        } catch (const Damage& damage) {
            tell(what, damage.what());
        }
    }

    void compare(const LocalDocument& source) {
        ++verified_.locals;
        const auto target = to_.read_local(source.id);
        if (!target) return tell(source.id, "is missing");
        if (normalised(source.json) != normalised(target->json)) tell(source.id, "differs");
    }

    SourceDatabase& from_;
    TargetDatabase& to_;
    const std::function<void(const Difference&)>& differs_;
    const std::string name_;
    Verified verified_;
    std::set<std::string> ids_;  ///< Where a document may come more than once.
};

}  // namespace

Verified verify_database(SourceDatabase& from, TargetDatabase& to,
                         const std::function<void(const Difference&)>& differs) {
    return Comparison(from, to, differs).work();
}

}  // namespace divan::import
