/* The part of kafkajs 2.2.4's inside that its transactional producers use. */

declare module 'kafkajs/src/cluster' {
  export default class Cluster {
    findGroupCoordinatorMetadata(request: {
      readonly groupId: string;
      readonly coordinatorType: number;
    }): Promise<object>;
  }
}
