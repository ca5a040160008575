#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "tools/import/report.h"
#include "tools/import/run.h"
#include "tools/import/verify.h"

// Exit codes: 0 all is well; 1 something failed or differs; 2 it could not be done at all.
namespace {

using namespace divan::import;

struct Arguments {
    std::string source, target, id;
    std::string journals = "divan-imports";
    std::vector<std::string> renames;
    std::string on_conflict = "keep-both";
    std::string failures_max = "50%";
    bool json = false;
    bool take_identity = false;
    std::vector<std::string> config;
    RunOptions run;
};

double share_of(const std::string& text) {
    std::size_t end = 0;
    const double value = std::stod(text, &end);
    const bool percent = text.substr(end) == "%";
    if (!percent && end != text.size()) throw std::invalid_argument("--max-failures: " + text);
    return percent ? value / 100 : value;
}

RunOptions options_of(const Arguments& arguments) {
    auto options = arguments.run;
    for (const auto& rename : arguments.renames) {
        const auto equals = rename.find('=');
        if (equals == std::string::npos) throw std::invalid_argument("--rename wants OLD=NEW");
        options.rename[rename.substr(0, equals)] = rename.substr(equals + 1);
    }
    options.failures_max = share_of(arguments.failures_max);
    if (arguments.on_conflict == "skip") options.on_conflict = OnConflict::skip;
    if (arguments.on_conflict == "fail") options.on_conflict = OnConflict::fail;
    return options;
}

SourceSettings settings_of(const Arguments& arguments) {
    return read_settings(arguments.config.empty()
                             ? settings_near(arguments.source)
                             : std::vector<std::filesystem::path>(arguments.config.begin(),
                                                                  arguments.config.end()));
}

int plan(const Arguments& arguments) {
    const auto source = open_source(arguments.source);
    std::vector<Inventory> databases;
    for (const auto& name : chosen(source->names(), arguments.run)) {
        databases.push_back(take_inventory(*source->open(name)));
    }
    const auto settings = settings_preview(settings_of(arguments), arguments.take_identity);
    const auto text = arguments.json ? plan_json(databases, source->remarks(), settings) + "\n"
                                     : plan_text(databases, source->remarks(), settings);
    std::cout << text;
    return 0;
}

Journal journal_for(const Arguments& arguments) {
    const auto before =
        Journal::unfinished(arguments.journals, arguments.source, arguments.target);
    if (!before) return Journal::begin(arguments.journals, arguments.source, arguments.target);
    std::cerr << "going on with import " << *before << "\n";
    return Journal::reopen(arguments.journals, *before);
}

RunReport run_shown(Source& source, Target* target, Journal& journal, const RunOptions& options) {
    Counters counters;
    const ProgressDisplay display(counters, chosen(source.names(), options).size());
    return run_import(source, target, journal, options, counters);
}

int run(const Arguments& arguments) {
    const auto options = options_of(arguments);
    const auto source = open_source(arguments.source);
    for (const auto& remark : source->remarks()) std::cerr << "note: " << remark << "\n";
    const auto target =
        options.dry_run ? nullptr : open_folder_target(arguments.target);
    auto journal = journal_for(arguments);
    const auto settings = settings_of(arguments);
    auto report = run_shown(*source, target.get(), journal, options);
    report.settings = options.dry_run
                          ? settings_preview(settings, arguments.take_identity)
                          : carry_settings(settings, arguments.target, journal.head().id,
                                           journal.folder(), arguments.take_identity);
    journal.set_state(report.finished() ? "finished" : "failed");
    const auto text = run_text(journal.head(), report);
    journal.write_report(run_json(journal.head(), report), text);
    std::cout << (arguments.json ? run_json(journal.head(), report) + "\n" : text);
    return report.finished() && report.failures() == 0 ? 0 : 1;
}

int verify(const Arguments& arguments) {
    const auto options = options_of(arguments);
    const auto source = open_source(arguments.source);
    const auto target = open_folder_target(arguments.target);
    std::uint64_t differences = 0;
    for (const auto& name : chosen(source->names(), options)) {
        const auto there = target_name(name, options);
        if (!target->exists(there)) {
            std::cout << there << ": is missing\n";
            ++differences;
            continue;
        }
        const auto from = source->open(name);
        const auto verified =
            verify_database(*from, *target->open_existing(there), [](const Difference& one) {
                std::cout << one.database << ": " << one.what << ": " << one.how << "\n";
            });
        std::cout << fmt::format(
            "{}: {} documents, {} leaves, {} attachments, {} local documents, {} differences\n",
            there, verified.documents, verified.leaves, verified.attachments, verified.locals,
            verified.differences);
        differences += verified.differences;
    }
    return differences == 0 ? 0 : 1;
}

int rollback(const Arguments& arguments) {
    auto journal = Journal::reopen(arguments.journals, arguments.id);
    const auto target = open_folder_target(journal.head().target);
    std::cout << fmt::format("{} leaves taken away\n", roll_back(*target, journal));
    undo_settings(journal.head().target, journal.head().id, journal.folder());
    return 0;
}

int status(const Arguments& arguments) {
    for (const auto& head : Journal::list(arguments.journals)) {
        std::cout << fmt::format("{}  {:<12} {} -> {}\n", head.id, head.state, head.source,
                                 head.target);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Brings databases of CouchDB into Divan.", "divan-import");
    app.require_subcommand(1);
    Arguments arguments;
    arguments.run.jobs = std::max(1U, std::thread::hardware_concurrency());
    app.add_option("--journals", arguments.journals, "Where runs keep their journals");

    const auto add_source = [&](CLI::App* command) {
        command
            ->add_option("source", arguments.source,
                         "A CouchDB data folder, a .couch file, a backup or a folder of them")
            ->required();
        command->add_option("--databases", arguments.run.databases,
                            "Names or patterns with *; all without this")
            ->delimiter(',');
    };
    const auto add_settings = [&](CLI::App* command) {
        command->add_option("--config", arguments.config,
                            "CouchDB's local.ini, or a folder of such; else those beside the data");
        command->add_flag("--take-identity", arguments.take_identity,
                          "Take over the server's uuid and cookie secret");
    };
    const auto add_target = [&](CLI::App* command) {
        command->add_option("--to", arguments.target, "The data folder of a stopped Divan")
            ->required();
        command->add_option("--rename", arguments.renames, "OLD=NEW");
    };
    auto* plan_command = app.add_subcommand("plan", "Says what the source holds");
    add_source(plan_command);
    add_settings(plan_command);
    plan_command->add_flag("--json", arguments.json);
    auto* run_command = app.add_subcommand("run", "Imports; goes on where a killed run was");
    add_source(run_command);
    add_target(run_command);
    add_settings(run_command);
    run_command->add_flag("--json", arguments.json);
    run_command->add_flag("--dry-run", arguments.run.dry_run, "Reads all, writes nothing");
    run_command->add_option("--jobs", arguments.run.jobs, "Databases at a time");
    run_command->add_option("--on-conflict", arguments.on_conflict)
        ->check(CLI::IsMember({"keep-both", "skip", "fail"}));
    run_command->add_option("--max-failures", arguments.failures_max,
                            "Share of documents that may fail, as 50% or 0.5");
    auto* verify_command = app.add_subcommand("verify", "Compares source and target");
    add_source(verify_command);
    add_target(verify_command);
    auto* rollback_command = app.add_subcommand("rollback", "Removes what a run created");
    rollback_command->add_option("id", arguments.id)->required();
    auto* status_command = app.add_subcommand("status", "Lists the runs");
    CLI11_PARSE(app, argc, argv);

    try {
        if (*plan_command) return plan(arguments);
        if (*run_command) return run(arguments);
        if (*verify_command) return verify(arguments);
        if (*rollback_command) return rollback(arguments);
        if (*status_command) return status(arguments);
    } catch (const std::exception& error) {
        std::cerr << "divan-import: " << error.what() << "\n";
    }
    return 2;
}
