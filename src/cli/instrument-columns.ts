/** A column of the table `instruments`, as an option and as a column of a CSV file. */
export interface InstrumentColumn {
  readonly name: InstrumentColumnName;
  /** Other headings of the column in CSV files: NexusLIMS's. */
  readonly aliases: readonly string[];
  readonly placeholder: string;
  readonly description: string;
}

/** Names of the columns that a person sets. */
export type InstrumentColumnName =
  | 'display_name'
  | 'filestore_path'
  | 'timezone'
  | 'harvester'
  | 'api_url'
  | 'calendar_url'
  | 'location'
  | 'property_tag'
  | 'active'
  | 'user_folder'
  | 'computer_name'
  | 'computer_ip'
  | 'settings';

/** The columns that a person sets, in the order of the table. How they are read is in instrument-changes.ts. */
export const INSTRUMENT_COLUMNS: readonly InstrumentColumn[] = [
  {
    name: 'display_name',
    aliases: ['schema_name', 'name'],
    placeholder: 'text',
    description: 'name for people, written into records',
  },
  {
    name: 'filestore_path',
    aliases: [],
    placeholder: 'folder',
    description: 'first folder of its files, relative to paths.data',
  },
  {
    name: 'timezone',
    aliases: [],
    placeholder: 'zone',
    description: 'IANA time zone, such as Europe/Berlin',
  },
  {
    name: 'harvester',
    aliases: [],
    placeholder: 'source',
    description: 'event source that reports its sessions',
  },
  {
    name: 'api_url',
    aliases: [],
    placeholder: 'url',
    description: 'address of its tool in the booking system',
  },
  {
    name: 'calendar_url',
    aliases: [],
    placeholder: 'url',
    description: 'page of its bookings',
  },
  {
    name: 'location',
    aliases: [],
    placeholder: 'text',
    description: 'building and room',
  },
  {
    name: 'property_tag',
    aliases: [],
    placeholder: 'text',
    description: 'inventory number',
  },
  {
    name: 'active',
    aliases: [],
    placeholder: 'yes|no',
    description: 'no: not harvested any more, still built',
  },
  {
    name: 'user_folder',
    aliases: [],
    placeholder: 'pattern',
    description: 'tells whose files lie where, such as {username}/**',
  },
  {
    name: 'computer_name',
    aliases: [],
    placeholder: 'name',
    description: 'host name of its PC',
  },
  {
    name: 'computer_ip',
    aliases: [],
    placeholder: 'address',
    description: 'IP address of its PC',
  },
  {
    name: 'settings',
    aliases: [],
    placeholder: 'json',
    description: 'all its own settings at once, such as {"build": {"strategy": "inclusive"}}',
  },
];
